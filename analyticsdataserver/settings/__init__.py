"""Settings by where the service runs: ``local``, ``test`` or ``production``, each on top of ``base``."""
