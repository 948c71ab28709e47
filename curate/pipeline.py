"""All the stages of curation, in their order; each costs nothing where nothing is due."""

from __future__ import annotations

from curate.language import curate_language
from curate.outcomes import curate_outcomes
from curate.quality.stage import curate_quality
from curate.stages import Curation
from store.database import Store
from store.progress import Progress, silent
from store.workers import Workers
from store.workspace import Workspace


def curate_workspace(
    workspace: Workspace, store: Store, *, workers: int | None = None, progress: Progress = silent
) -> None:
    """Bring every conversation's outcome up to date: one stage after the other, the outcomes last."""
    # Loaded here, not above: Presidio and rensa take a second, and a run with nothing due needs neither.
    from curate.dedup.repeats import curate_repeats
    from curate.dedup.stage import curate_duplicates
    from curate.redact.stage import curate_redaction
    from curate.review.stage import curate_review

    count = workspace.settings.workspace.workers if workers is None else workers
    with Workers(count) as pool:
        curation = Curation(store, workspace, pool, progress)
        curate_language(curation)
        curate_duplicates(curation)
        curate_redaction(curation)
        curate_repeats(curation)
        curate_quality(curation)
        curate_outcomes(curation)
        curate_review(curation)
