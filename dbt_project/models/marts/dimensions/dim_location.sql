select
    {{ surrogate_key(['location_id']) }} as location_key,
    location_id,
    coalesce(location_name, location_id) as location_name,
    location_kind,
    city,
    country,
    territory_id
from {{ ref('stg_locations') }}

union all

select -1, '(no location)', '(no location)', null, null, null, null
