{# Where a row is the newest period of its partition when it becomes known: one that arrives after a newer one changes
   nothing. To be used in `qualify`. #}
{% macro in_order(partition) -%}
event_date >= max(event_date) over (
    partition by {{ partition }} order by session, event_date rows between unbounded preceding and current row
)
{%- endmacro %}
