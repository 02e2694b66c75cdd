"""Paper execution: approved orders become fills on the pure exchange of ``shared.domain.matching``."""
