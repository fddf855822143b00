{{ config(alias='data_quality', meta={'publish': 'whole'}, indexes=[{'columns': ['load_id'], 'unique': true}]) }}
with recent as (
    select token
    from {{ source('ops', 'nights') }}
    order by token desc
    limit 31
)

select
    loads.load_id,
    loads.token,
    nights.as_of_date,
    loads.loaded_at,
    loads.entity,
    loads.source,
    -- The name only: where a file lies on the server is nobody's business.
    regexp_replace(loads.file_path, '^.*[/\\]', '') as file_name,
    loads.file_bytes,
    loads.status,
    loads.rows_read,
    loads.rows_inserted,
    loads.rows_replaced,
    loads.rows_duplicate,
    loads.rows_rejected,
    loads.message
from {{ source('ops', 'loads') }} as loads
inner join recent using (token)
left join {{ source('ops', 'nights') }} as nights using (token)
