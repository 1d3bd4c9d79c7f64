{{ config(meta={'dagster': {'ref': {'name': 'as_known'}}}) }}
-- No row of the panel may rest on something that was published after the session's as_of.
select k.*
from {{ ref('as_known') }} k
join {{ source('window', 'sessions') }} s using (session)
where k.knowledge_time > s.as_of
