"""``python -m services.exchange_sim``"""

from services.exchange_sim.service import SERVICE
from shared.runtime.service import main

main(SERVICE)
