-- For each session the newest period of each series of the panel that was public by its as_of, in its latest vintage.
-- A vintage of an older period does not hide a newer period: only rows that reach or extend the newest period count.
with frontier as (
    select
        *,
        max(event_date) over (
            partition by series_id order by session, knowledge_time, event_date
            rows between unbounded preceding and current row
        ) as newest_event
    from {{ ref('history') }}
    semi join {{ source('window', 'series') }} using (series_id)
),

-- one row per series and session: the newest period, its latest vintage
steps as (
    select session as known_session, series_id, event_date, value, knowledge_time, knowledge_basis
    from frontier
    where event_date = newest_event
    qualify row_number() over (
        partition by series_id, session order by event_date desc, knowledge_time desc
    ) = 1
),

grid as (
    select s.session, s.as_of, c.series_id, c.max_age_days
    from {{ source('window', 'sessions') }} s
    cross join {{ source('window', 'series') }} c
)

select
    g.session,
    g.series_id,
    k.event_date,
    k.value,
    k.knowledge_time,
    k.knowledge_basis,
    cast(g.session - k.event_date as integer) as age_days,
    g.session - k.event_date > g.max_age_days as stale
from grid g
asof join steps k
    on g.series_id = k.series_id and g.session >= k.known_session
