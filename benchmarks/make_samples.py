"""Make sample_logs/: small invented support exports, the same bytes each time.

Usage: python benchmarks/make_samples.py [FOLDER]

The dialogues are written by hand in benchmarks/samples/dialogues, the people are combined from
benchmarks/samples/people.toml. The README's table of counts is written too, between its two markers.
"""

import sys
from collections import Counter
from pathlib import Path

from samples.amazon_connect import write_amazon_connect
from samples.book import Book
from samples.chance import Chance
from samples.chat import write_chat
from samples.crisp import write_crisp
from samples.discourse import write_discourse
from samples.drift import write_drift
from samples.freshchat import write_freshchat
from samples.freshdesk import write_freshdesk
from samples.front import write_front
from samples.genesys import write_genesys
from samples.gorgias import write_gorgias
from samples.help_scout import write_help_scout
from samples.hubspot import write_hubspot
from samples.intercom import write_intercom
from samples.intercom_tables import write_intercom_tables
from samples.jsonlines import write_jsonlines
from samples.livechat import write_livechat
from samples.llm_traces import write_llm_traces
from samples.mail import write_mail
from samples.olark import write_olark
from samples.salesforce import write_salesforce
from samples.studio import Studio
from samples.subtitles import write_subtitles
from samples.tables import write_tables
from samples.tawkto import write_tawkto
from samples.transcripts import write_transcripts
from samples.twilio import write_twilio
from samples.vcon import write_vcon
from samples.zendesk import write_zendesk
from samples.zendesk_chat import write_zendesk_chat
from samples.zendesk_more import write_zendesk_more

SEED = 20_260_101
FOLDER = Path(__file__).resolve().parents[1] / "sample_logs"
PLANTED = Path(__file__).resolve().parents[1] / "tests" / "planted.json"
APART = (
    write_zendesk_chat, write_zendesk_more,
    write_crisp, write_drift, write_genesys, write_olark, write_tawkto,
    write_amazon_connect, write_discourse, write_freshdesk, write_hubspot, write_livechat, write_llm_traces,
    write_mail, write_salesforce, write_subtitles, write_twilio, write_vcon,
    write_freshchat, write_front, write_gorgias, write_help_scout, write_intercom_tables,
)  # fmt: skip
"""Writers with a cast of their own, so that another one changes no other file; their people are not in planted.json."""

START, END = "<!-- counts -->", "<!-- end of counts -->"


def make_samples(folder: Path, planted: Path) -> Counter[str]:
    """Write every sample into a folder and the list of what was planted beside it, and give the counts."""
    book, studio = Book(folder), Studio(Chance(SEED))
    for write in (write_tables, write_jsonlines, write_chat, write_zendesk, write_intercom, write_transcripts):
        write(studio, book)
    for write_apart in APART:
        write_apart(book)
    book.write(planted)
    return book.counts()


def counts_table(counts: Counter[str]) -> str:
    """Write the counts as a Markdown table."""
    rows = [f"| {name} | {count} |" for name, count in sorted(counts.items())]
    return "\n".join(["| what | conversations |", "| --- | ---: |", *rows])


def main() -> None:
    """Write the samples and bring the README's counts up to date."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    counts = make_samples(folder, PLANTED if folder == FOLDER else folder / PLANTED.name)
    readme = folder / "README.md"
    if readme.exists():
        text = readme.read_text(encoding="utf-8")
        before, after = text.split(START)[0], text.split(END)[1]
        readme.write_text(f"{before}{START}\n{counts_table(counts)}\n{END}{after}", encoding="utf-8")
    print(f"{counts['conversations']} conversations in {folder}")


if __name__ == "__main__":
    main()
