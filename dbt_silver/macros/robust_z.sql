{# (x - median) / (1.4826 * MAD) over the last `rows` rows of a partition, this one included, clipped at 3; null with fewer
   than `least` values or where nothing moves. The same number as macro_fund/features/stats.py robust_z; tests hold them
   together. #}
{% macro robust_z(x, partition, order, rows, least) -%}
{%- set frame = "over (partition by " ~ partition ~ " order by " ~ order ~ " rows " ~ (rows - 1) ~ " preceding)" -%}
case when {{ x }} is not null and count({{ x }}) {{ frame }} >= {{ least }} then
    greatest(-3.0, least(3.0, ({{ x }} - median({{ x }}) {{ frame }}) / nullif(1.4826 * mad({{ x }}) {{ frame }}, 0)))
end
{%- endmacro %}
