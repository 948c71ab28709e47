"""Drive the trainer as anybody would, with OpenAI's SDK alone: nothing of chatmill is imported here.

    OPENAI_BASE_URL=http://127.0.0.1:PORT/v1 OPENAI_API_KEY=KEY python sdk_script.py

What was seen is printed as one JSON object.
"""

import base64
import json
import sys
import time

import openai

MODEL = "chatmill-nano"
OVER = ("succeeded", "failed", "cancelled")
client = openai.OpenAI(max_retries=0)
jobs = client.fine_tuning.jobs
seen = {}


def lines(first, last):
    for number in range(first, last):
        said = [("user", f"Where is order {number}?"), ("assistant", f"Order {number} is on its way.")]
        yield json.dumps({"messages": [{"role": role, "content": text} for role, text in said]}) + "\n"


def upload(name, text):
    return client.files.create(file=(name, text.encode()), purpose="fine-tune").id


def upload_in_parts(name, text):
    raw = text.encode()
    begun = client.uploads.create(bytes=len(raw), filename=name, mime_type="application/jsonl", purpose="fine-tune")
    half = len(raw) // 2
    parts = [client.uploads.parts.create(begun.id, data=piece).id for piece in (raw[:half], raw[half:])]
    return client.uploads.complete(begun.id, part_ids=parts).file.id


def create(training_file, **more):
    wanted = {"max_steps": 6, "eval_steps": 2, "learning_rate": 0.01, "batch_size": 8}
    method = {"type": "supervised", "supervised": {"hyperparameters": wanted}}
    return jobs.create(model=MODEL, training_file=training_file, method=method, seed=1, **more)


def wait(job_id, done):
    while True:
        job = jobs.retrieve(job_id)
        if done(job):
            return job
        time.sleep(0.1)


train, valid = upload("train.jsonl", "".join(lines(0, 40))), upload_in_parts("valid.jsonl", "".join(lines(90, 98)))
seen["files"] = sorted(file.id for file in client.files.list()) == sorted([train, valid])
job = create(train, validation_file=valid, suffix="orders", metadata={"key": "first"})
seen["created"] = job.status
seen["found"] = [one.id == job.id for one in jobs.list(metadata={"key": "first"})]
seen["not_found"] = [one.id for one in jobs.list(metadata={"key": "second"})]

wait(job.id, lambda job: job.status == "running")
seen["paused"] = jobs.pause(job.id).status
while not (points := jobs.checkpoints.list(job.id).data):
    time.sleep(0.1)
seen["paused_at"] = points[0].step_number
seen["still"] = jobs.retrieve(job.id).status
seen["resumed"] = jobs.resume(job.id).status
job = wait(job.id, lambda job: job.status in OVER)
seen["ended"] = job.status
seen["tokens"] = job.trained_tokens
seen["name"] = job.fine_tuned_model

events = list(jobs.list_events(job.id, limit=4))
seen["events_are_told_once"] = len({event.id for event in events}) == len(events)
seen["steps"] = [event.data["step"] for event in reversed(events) if event.type == "metrics"]
losses = [event.data["full_valid_loss"] for event in reversed(events) if "full_valid_loss" in (event.data or {})]
seen["loss_falls"] = losses[-1] < losses[0]
seen["checkpoints"] = [point.step_number for point in jobs.checkpoints.list(job.id)]
seen["result"] = base64.b64decode(client.files.content(job.result_files[0]).read()).decode().splitlines()[0]
seen["models"] = {MODEL, job.fine_tuned_model} <= {model.id for model in client.models.list()}
seen["model"] = client.models.retrieve(job.fine_tuned_model).id == job.fine_tuned_model

cancelled = create(train, metadata={"key": "second"})
seen["cancelled"] = jobs.cancel(cancelled.id).status
broken = create(upload("broken.jsonl", "".join(lines(0, 20)) + '{"messages": "kumquat-4711"}\n'))
broken = wait(broken.id, lambda job: job.status in OVER)
seen["broken"] = [broken.status, broken.error.code, broken.error.param, "Line 21" in broken.error.message]
seen["quotes"] = "kumquat" in broken.error.message

question = [{"role": "user", "content": "Where is order 5?"}]
last = jobs.checkpoints.list(job.id).data[0].fine_tuned_model_checkpoint
for name, model in (("base", MODEL), ("checkpoint", last), ("tuned", job.fine_tuned_model)):
    told = client.chat.completions.create(
        model=model, messages=question, temperature=0, max_tokens=5, logprobs=True, top_logprobs=2
    )
    choice = told.choices[0]
    seen[name] = len(choice.logprobs.content) == told.usage.completion_tokens <= 5
    whole = choice.message.content
streamed = client.chat.completions.create(
    model=model, messages=question, temperature=0, max_tokens=5, stream=True, stream_options={"include_usage": True}
)
chunks = list(streamed)
with client.chat.completions.create(model=model, messages=question, max_tokens=50, stream=True) as hung_up:
    next(iter(hung_up))
client.chat.completions.create(model=model, messages=question, max_tokens=1)  # nothing is held by who hung up
seen["stream"] = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == whole
seen["usage"] = chunks[-1].usage.completion_tokens <= 5

for name, call in (
    ("wrong_key", lambda: client.with_options(api_key="wrong").models.list()),
    ("unknown_model", lambda: client.models.retrieve("gpt-4.1")),
    ("unknown_job", lambda: jobs.retrieve("ftjob-none")),
    ("bad_value", lambda: create(train, suffix="x" * 65)),
    ("unknown_file", lambda: create("file-none")),
    ("cannot_pause", lambda: jobs.pause(job.id)),
):
    try:
        call()
    except openai.APIStatusError as error:
        seen[name] = [error.status_code, error.code, error.param]
sys.stdout.write(json.dumps(seen))
