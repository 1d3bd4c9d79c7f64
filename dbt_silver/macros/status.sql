{# status and reason of the rows of `row` (session, event_date, value), with the catalogue (max_age_days) as c. #}
{% macro status(row) -%}
case
        when {{ row }}.value is null then 'missing'
        when {{ row }}.session - {{ row }}.event_date > c.max_age_days then 'stale'
        else 'ok'
    end as status,
    case
        when {{ row }}.value is null then 'the report gives none'
        when {{ row }}.session - {{ row }}.event_date > c.max_age_days
            then concat('newest is ', {{ row }}.event_date, ', older than ', c.max_age_days, ' days')
        else ''
    end as reason
{%- endmacro %}
