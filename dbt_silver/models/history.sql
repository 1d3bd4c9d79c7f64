-- All vintages of all series, whatever the provider: the one list of observation sources.
{{ config(materialized='ephemeral') }}
{% set providers = ['bcb_sgs', 'bcb_ptax', 'bcb_focus', 'fred', 'us_treasury', 'yahoo'] %}

{% for p in providers %}
select session, series_id, event_date, value, knowledge_time, knowledge_basis, late, source
from {{ source('bronze', p) }}
{% if not loop.last %} union all {% endif %}
{% endfor %}
