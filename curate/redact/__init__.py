"""Find personal data in turns and take it out, failing closed: what cannot be checked goes to quarantine.

Text never changes in the store. Findings lie beside it; the policy's thresholds and operators apply when it is read.
"""
