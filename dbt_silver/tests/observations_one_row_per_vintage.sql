{{ config(meta={'dagster': {'ref': {'name': 'observations'}}}) }}
-- A vintage is one series, one period, one knowledge time.
select series_id, event_date, knowledge_time, count(*) as n
from {{ ref('observations') }}
group by all
having count(*) > 1
