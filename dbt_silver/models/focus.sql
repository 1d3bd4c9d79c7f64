-- Focus at each session: the newest survey's median of each period ahead, its change on what was known 28 days before,
-- and the newest IPCA's surprise against the last fresh median that was public before the release.
with forecasts as (
    select
        session, series_id, case when series_id like '%_24m%' then '24m' else '12m' end as reference,
        event_date, value as median, knowledge_time
    from {{ source('bronze', 'bcb_focus') }}
    union all
    select session, series_id, reference, event_date, median, knowledge_time
    from {{ source('bronze', 'bcb_focus_periods') }}
),

-- the newest survey of a series, at each session that brought one
surveys as (
    select series_id, session, max(max(event_date)) over (partition by series_id order by session) as survey
    from forecasts
    group by series_id, session
),

grid as (
    select s.session, c.series_id, c.max_age_days
    from {{ source('window', 'sessions') }} s
    cross join {{ source('window', 'catalogue') }} c
    where c.series_id in (select distinct series_id from forecasts)
),

answers as (
    select g.session, g.series_id, g.max_age_days, f.reference, f.event_date, f.median as value, f.knowledge_time
    from (select g.*, n.survey from grid g asof join surveys n on g.series_id = n.series_id and g.session >= n.session) g
    join forecasts f on f.series_id = g.series_id and f.event_date = g.survey and f.session <= g.session
    qualify row_number() over (
        partition by g.session, g.series_id, f.reference order by f.session desc, f.knowledge_time desc
    ) = 1
),

-- how far ahead the period is, in its own unit; a survey names the meetings that are still to come
ahead as (
    select
        *,
        case
            when reference in ('12m', '24m') then 0
            when reference like '%-R%'
                then dense_rank() over (partition by session, series_id, reference like '%-R%' order by reference) - 1
            when reference like '%-Q%' then
                4 * (cast(left(reference, 4) as integer) - year(session))
                + cast(right(reference, 1) as integer) - quarter(session)
            when length(reference) = 4 then cast(reference as integer) - year(session)
            else
                12 * (cast(left(reference, 4) as integer) - year(session))
                + cast(right(reference, 2) as integer) - month(session)
        end as horizon
    from answers
),

near as (
    select * from ahead
    where horizon between
        case when length(reference) = 7 and reference not like '%-R%' then -1 else 0 end
        and case when length(reference) = 4 then 3 when reference like '%-R%' then 7 else 4 end
),

-- what each session knew of a period: one row per session that brought an answer
known as (
    select * from forecasts
    qualify {{ in_order('series_id, reference') }}
        and row_number() over (
            partition by series_id, reference, session order by event_date desc, knowledge_time desc
        ) = 1
),

medians as (
    select
        n.session, n.series_id as feature_id, n.reference, n.horizon, n.event_date, n.value,
        case when n.session - 28 - b.event_date <= n.max_age_days then n.value - b.median end as change_4w,
        cast(null as double) as z,
        n.knowledge_time, n.series_id
    from near n
    asof left join known b
        on n.series_id = b.series_id and n.reference = b.reference and n.session - 28 >= b.session
),

releases as (
    select session, event_date, value, knowledge_time
    from {{ source('bronze', 'bcb_sgs') }}
    where series_id = 'br_ipca_mom'
    qualify row_number() over (partition by event_date order by session, knowledge_time) = 1
),

-- a survey that had stopped expected nothing: without a fresh median the release is no surprise at all
surprises as (
    select r.session, r.event_date, r.knowledge_time, r.value - f.median as value
    from releases r
    join forecasts f
        on f.series_id = 'br_focus_ipca_month'
        and f.reference = strftime(r.event_date, '%Y-%m')
        and f.knowledge_time < r.knowledge_time
        and f.session <= r.session
    join {{ source('window', 'catalogue') }} c
        on c.series_id = f.series_id and cast(r.knowledge_time as date) - f.event_date <= c.max_age_days
    qualify row_number() over (
        partition by r.event_date order by f.event_date desc, f.session desc, f.knowledge_time desc
    ) = 1
),

scaled as (
    select
        *,
        case
            when count(value) over before >= 12 then value / nullif(stddev_samp(value) over before, 0)
        end as z
    from surprises
    window before as (order by session, event_date rows between 36 preceding and 1 preceding)
),

newest as (
    select * from scaled
    qualify {{ in_order("'all'") }} and row_number() over (partition by session order by event_date desc) = 1
),

rows_of_all as (
    select * from medians
    union all
    select
        s.session, 'ipca_surprise', strftime(n.event_date, '%Y-%m'), 0, n.event_date, n.value, null, n.z,
        n.knowledge_time, 'br_ipca_mom'
    from {{ source('window', 'sessions') }} s
    asof join newest n on s.session >= n.session
)

select
    r.session, r.feature_id, r.reference, r.horizon, r.event_date, r.value, r.change_4w, r.z, r.knowledge_time,
    {{ status('r') }}
from rows_of_all r
join {{ source('window', 'catalogue') }} c using (series_id)
