"""``python -m services.risk``"""

from services.risk.service import SERVICE
from shared.runtime.service import main

main(SERVICE)
