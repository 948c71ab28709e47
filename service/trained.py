"""What follows a training on this machine unasked: its curves, its model against the base, both asked one thing."""

from __future__ import annotations

from typing import Any

from export.evaluate.after_training import compare_job
from export.evaluate.cli import show
from export.evaluate.comparing import Wish
from export.evaluate.jobs_compared import compare_jobs, write_page
from export.formats.openai_chat import fill_prompt
from export.submit.jobs import Job
from export.submit.local_trainer import reach_trainer, release
from service.trainer.talking import Talk
from store.console import Console
from store.workspace import Workspace

CURVES = "curves.html"
EVALUATION = "evaluation.html"
CASES = 20
"""Held-out answers that are asked for: enough to see a difference, and done in a minute."""
QUESTION = "Hello, my order has not arrived yet. What can I do?"
TOKENS = 60


def show_trained(console: Console, workspace: Workspace, job: Job) -> dict[str, Any]:
    """Write the curves and the evaluation as pages, show both models' answers to one question, and give it all.

    Raises:
        EvaluateError: a library is missing, or the trainer failed; what was answered is kept.
    """
    curves, report = workspace.root / CURVES, workspace.root / EVALUATION
    with workspace.open() as store:
        write_page(curves, compare_jobs(workspace, store, [job.job_id]))
    wish = Wish(limit=CASES, max_tokens=TOKENS, swaps=0, probes=False)
    evaluation = compare_job(workspace, job.job_id, wish=wish, html=report, progress=console.progress())
    show(console, evaluation)
    models = [job.model, str(job.result["fine_tuned_model"])]
    console.say(f"Asked: {QUESTION}")
    answers = _asked(console, workspace, models)
    console.say(f"Loss curves: {curves}")
    console.say(f"Evaluation: {report}")
    console.note("next: chatmill chat latest --with chatmill-tiny")
    return {"curves": str(curves), "evaluation": str(report), "headlines": evaluation["headlines"], "answers": answers}


def _asked(console: Console, workspace: Workspace, models: list[str]) -> list[dict[str, str]]:
    trainer = reach_trainer(workspace)
    try:
        prompt = fill_prompt(workspace.settings.export.system_prompt, {})
        told = Talk(trainer, models, prompt, temperature=0, seed=0, most=TOKENS).ask(QUESTION, console)
    finally:
        release(trainer)
    return [{"model": model, "text": text} for model, text in zip(models, told, strict=True)]
