-- Net positions of a category of traders as a share of the market's open interest, one row a report, in the session in
-- which it became known. z runs along the reports in the vintage in which each first was.
{% set rows = 156 %}
with reports as (
    select
        session, series_id, category, event_date, knowledge_time,
        long - short as net_contracts,
        open_interest,
        (long - short) / nullif(open_interest, 0) as value
    from {{ source('bronze', 'cftc') }}
    qualify row_number() over (
        partition by series_id, category, event_date order by session, knowledge_time desc
    ) = 1
),

path as (
    select *, session >= (select min(session) from {{ source('window', 'sessions') }}) as is_new
    from reports
    qualify {{ in_order('series_id, category') }}
),

-- the reports that the window's sessions brought, and those that their z looks back on
recent as (
    select * from path
    qualify row_number() over (partition by series_id, category order by event_date desc)
        < {{ rows }} + count(*) filter (where is_new) over (partition by series_id, category)
        and bool_or(is_new) over (partition by series_id, category)
),

measured as (
    select
        *,
        value - lag(value) over (partition by series_id, category order by event_date) as change_1w,
        {{ robust_z('value', 'series_id, category', 'event_date', rows, 52) }} as z
    from recent
)

select
    m.session, m.series_id, m.category, m.event_date, m.net_contracts, m.open_interest,
    m.value, m.change_1w, m.z, m.knowledge_time,
    {{ status('m') }}
from measured m
semi join {{ source('window', 'sessions') }} s using (session)
join {{ source('window', 'catalogue') }} c using (series_id)
qualify row_number() over (partition by m.session, m.series_id, m.category order by m.event_date desc) = 1
