{{ config(alias='basket_days', meta={'publish': 'whole'}, indexes=[{'columns': ['order_date'], 'unique': true}]) }}
select
    order_date,
    {{ date_key('order_date') }} as date_key,
    baskets,
    cross_sold_baskets
from {{ ref('basket_days') }}
