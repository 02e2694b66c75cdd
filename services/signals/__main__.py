"""``python -m services.signals``"""

from services.signals.service import SERVICE
from shared.runtime.service import main

main(SERVICE)
