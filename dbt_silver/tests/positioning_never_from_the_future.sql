{{ config(meta={'dagster': {'ref': {'name': 'positioning'}}}) }}
-- No row may rest on something that was published after the session's as_of.
select k.*
from {{ ref('positioning') }} k
join {{ source('window', 'sessions') }} s using (session)
where k.knowledge_time > s.as_of
