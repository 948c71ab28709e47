"""Compare the model that a job became with its base, in one call: what follows a training without being asked more."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from export.evaluate.comparing import Wish, compare_models
from export.evaluate.examples import read_examples
from export.evaluate.parties import Named, address_of, endpoint_for, of_job, speaking
from export.evaluate.report import write_report
from export.submit.patience import Patience
from export.submit.providers import HERE
from store.progress import Progress, silent
from store.workspace import Workspace


def compare_job(
    workspace: Workspace,
    name: str = "latest",
    *,
    wish: Wish | None = None,
    html: Path | None = None,
    patience: Patience | None = None,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Compare a job's model with its base on the job's own dataset, write the report where asked, give the figures.

    Raises:
        UnknownJob: there is no such job.
        EvaluateError: it became no model, a library is missing, or an endpoint failed; what was answered is kept.
    """
    with workspace.open() as store:
        job, tuned = of_job(store, name)
    provider, endpoint = endpoint_for(workspace.settings.submit, provider=job.provider, base_url=address_of(job))
    wish = replace(wish or Wish(), dataset=job.dataset_id)
    if endpoint == HERE:
        wish = replace(wish, at_once=1)  # our trainer answers one at a time; others would only wait
    named = Named(job.model, tuned, provider, endpoint)
    with speaking(named, wish, patience or Patience(), workspace) as parties, workspace.open() as store:
        document = compare_models(workspace, store, parties, wish, progress=progress)
        if html is not None:
            write_report(html, document, read_examples(workspace, store, document))
    return document
