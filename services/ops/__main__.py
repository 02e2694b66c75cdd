"""``python -m services.ops``"""

from services.ops.service import SERVICE
from shared.runtime.service import main

main(SERVICE)
