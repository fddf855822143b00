{{ config(
    alias='forecast_history_notes',
    meta={'publish': 'whole'},
    indexes=[{'columns': ['series', 'unique_id', 'ds', 'kind'], 'unique': true}, {'columns': ['product_key']}],
) }}
select
    notes.as_of_date,
    notes.series,
    notes.unique_id,
    coalesce(products.product_key, -1) as product_key,
    notes.ds,
    {{ date_key('notes.ds') }} as date_key,
    notes.kind,
    notes.observed,
    notes.used
from {{ source('forecast', 'history_notes') }} as notes
left join {{ ref('dim_product') }} as products
    on products.product_id = notes.unique_id and notes.series like 'product\_%'
where notes.as_of_date = {{ latest_as_of_date() }}
