select
    entity,
    entity_key,
    attribute,
    value_text,
    valid_from,
    _loaded_at as loaded_at
from {{ source('raw', 'attribute_changes') }}
