{{ config(meta={'dagster': {'ref': {'name': 'focus'}}}) }}
-- A session knows one median of a period.
select session, feature_id, reference, count(*) as n
from {{ ref('focus') }}
group by all
having count(*) > 1
