{{ config(
    alias='forecast_accuracy',
    meta={'publish': 'whole'},
    indexes=[{'columns': ['series', 'unique_id'], 'unique': true}],
) }}
select
    accuracy.as_of_date,
    accuracy.series,
    accuracy.unique_id,
    coalesce(products.product_key, -1) as product_key,
    accuracy.n_origins,
    accuracy.wape_pct,
    accuracy.mase,
    accuracy.bias_pct,
    accuracy.naive_wape_pct
from {{ source('forecast', 'accuracy') }} as accuracy
left join {{ ref('dim_product') }} as products
    on products.product_id = accuracy.unique_id and accuracy.series like 'product\_%'
where accuracy.as_of_date = {{ latest_as_of_date() }}
