"""``python -m services.market_data``"""

from services.market_data.service import SERVICE
from shared.runtime.service import main

main(SERVICE)
