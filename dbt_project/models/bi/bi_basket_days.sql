{{ config(
    alias='basket_days',
    meta={'publish': 'by_day', 'day_column': 'order_date'},
    indexes=[{'columns': ['order_date'], 'unique': true}],
) }}
-- depends_on: {{ source('ops', 'open_days') }}
select
    order_date,
    {{ date_key('order_date') }} as date_key,
    baskets,
    cross_sold_baskets
from {{ ref('basket_days') }}
{{ days_to_publish() }}
