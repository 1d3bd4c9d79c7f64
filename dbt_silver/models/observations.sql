-- Every observation of every provider that became known in the run's sessions, one row per vintage.
select h.*
from {{ ref('history') }} h
semi join {{ source('window', 'sessions') }} s on s.session = h.session
