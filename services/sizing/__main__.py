"""``python -m services.sizing``"""

from services.sizing.service import SERVICE
from shared.runtime.service import main

main(SERVICE)
