-- All vintages of all series, whatever the provider: the one list of observation sources (var in dbt_project.yml).
{{ config(materialized='ephemeral') }}
{% for p in var('observation_sources') %}
select session, series_id, event_date, value, knowledge_time, knowledge_basis, late, source
from {{ source('bronze', p) }}
{% if not loop.last %} union all {% endif %}
{% endfor %}
