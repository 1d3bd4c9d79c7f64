{{ config(meta={'dagster': {'ref': {'name': 'positioning'}}}) }}
-- A category holds no more than the whole market, and the share is that of the contracts beside it.
select *
from {{ ref('positioning') }}
where abs(value) > 1 or abs(value * open_interest - net_contracts) > 1e-6 or abs(z) > 3
