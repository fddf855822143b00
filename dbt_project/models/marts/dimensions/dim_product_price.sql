with {{ spans_of_value(
    id='product_id',
    value='list_price',
    history=ref('stg_product_prices'),
    current=ref('stg_products'),
    entity='products',
    attribute='list_price',
    type='numeric(20,6)'
) }}

select
    {{ surrogate_key(['product_id']) }} as product_key,
    product_id,
    list_price,
    {{ days_of_span() }}
from spans
where list_price is not null and until > valid_from
