"""What the leak check notes of a conversation, to know when it must look at it again: signals of its own."""

CUSTOMER = "customer"  # label: the customer's identity whose surrogates it has
DECISIONS = "finding_decisions"  # value: how many decisions on its findings there were
SIGNALS = (CUSTOMER, DECISIONS)

# Decisions are never taken back, only followed by others: as many as were counted are the same ones.
DECIDED = """
SELECT conversation_key, count(*)::DOUBLE AS value FROM decisions WHERE subject = 'finding' GROUP BY conversation_key
"""
# Conversations with decisions on findings that the leak check has not seen.
UNCHECKED = f"""
SELECT d.conversation_key FROM ({DECIDED}) AS d
LEFT JOIN signals AS s ON s.conversation_key = d.conversation_key AND s.signal = '{DECISIONS}'
WHERE s.value IS DISTINCT FROM d.value
"""
