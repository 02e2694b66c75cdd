"""``python -m services.execution``"""

from services.execution.service import SERVICE
from shared.runtime.service import main

main(SERVICE)
