"""Checks `report_to` against the real TensorBoard, MLflow, trackio and W&B, all on loopback.

    npm run build && npm run build:native
    python3 -m venv .venv && .venv/bin/pip install tensorboard mlflow trackio wandb
    .venv/bin/python scripts/check-trackers.py

Trains the embedded model, kills it in the middle of a step, resumes it, and reads back what each tracker has: every
value of metrics.jsonl must be there, once, at its step. Of W&B, whose server can't be had, it is the real `wandb sync`
that reads the files, and a stand-in of the server that takes what it uploads.
"""
import gzip, json, math, os, re, signal, socket, subprocess, sys, tempfile, threading, time, urllib.request
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version
from pathlib import Path

STEPS, SAVED, KILLED_AT = 60, 3, 8
BIN = Path(sys.executable).parent
CLI = Path(__file__).parent.parent / "dist" / "cli.js"
work = Path(tempfile.mkdtemp(prefix="check-trackers-"))
children = []
failed = []


def check(name, ok, said=""):
    print(f"{'ok  ' if ok else 'FAIL'} {name}{f': {said}' if said else ''}", flush=True)
    if not ok:
        failed.append(name)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def serve(command, url, **env):
    log = open(work / f"{Path(command[0]).name}.log", "w")
    child = subprocess.Popen(command, stdout=log, stderr=log, cwd=work, env={**os.environ, **env})
    children.append(child)
    for _ in range(240):
        try:
            urllib.request.urlopen(url, timeout=2).read()
            return
        except OSError:
            time.sleep(0.5)
    sys.exit(f"{command[0]} does not answer at {url}: see {log.name}")


# --- servers

mlflow_port, trackio_port = free_port(), free_port()
mlflow_url, trackio_url = f"http://127.0.0.1:{mlflow_port}", f"http://127.0.0.1:{trackio_port}"
serve([BIN / "mlflow", "server", "--port", str(mlflow_port), "--workers", "1",
       "--backend-store-uri", f"sqlite:///{work}/mlflow.db"], f"{mlflow_url}/health")
serve([BIN / "trackio", "show"], trackio_url, TRACKIO_DIR=str(work / "trackio"), TRACKIO_WRITE_TOKEN="secret",
      GRADIO_SERVER_PORT=str(trackio_port), HF_HUB_OFFLINE="1", BROWSER="true")

# --- a run, killed and resumed

folder = work / "run"
environment = {
    **os.environ,
    "MLFLOW_TRACKING_URI": mlflow_url,
    "MLFLOW_EXPERIMENT_NAME": "checks",
    "TRACKIO_SERVER_URL": f"{trackio_url}?write_token=secret",
    "TRACKIO_PROJECT": "checks",
    "WANDB_PROJECT": "checks",
}
for name in ("TENSORBOARD_LOGGING_DIR", "WANDB_DIR", "MLFLOW_RUN_ID", "MLFLOW_EXPERIMENT_ID"):
    environment.pop(name, None)


def train(*more, kill=False):
    command = ["node", str(CLI), "train", "--json", "--quiet", "--output-dir", str(folder), *more]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    heard = None
    for line in child.stdout:
        event = json.loads(line)
        if not kill or event["event"] != "step" or event["step"] < KILLED_AT:
            continue
        heard = heard or time.monotonic()
        # Servers have heard of some steps by then, and two are behind the last checkpoint.
        if time.monotonic() - heard > 1.2 and event["step"] % SAVED == 2:
            child.send_signal(signal.SIGKILL)
            break
    return child.wait()


trackers = ["tensorboard", "wandb", "mlflow", "trackio"]
train("--max-steps", str(STEPS), "--eval-steps", "4", "--save-steps", str(SAVED), "--run-name", "checked",
      *[word for name in trackers for word in ("--report-to", name)], kill=True)
first = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
code = train("--resume")
again = json.loads((folder / "env.json").read_text())["resumed"][0]["from_step"] + 1
taken = max(row["step"] for row in first)
check("a run that was killed goes on and ends", code == 0 and again <= taken < STEPS, f"steps {again} to {taken} were taken twice")

rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
rows = [row for row in rows if "checkpoint" not in row and "diagnosis" not in row]
expected = defaultdict(dict)
for row in rows:
    for name, value in row.items():
        # What the clock says of a step that was taken twice differs.
        if name != "step" and not name.startswith("time/") and name != "step_time":
            expected[name][row["step"]] = value
check("the run has rows to compare", len(rows) == STEPS + 1 and len(expected) > 25, f"{len(rows)} rows, {len(expected)} metrics")
ids = json.loads((folder / "trackers.json").read_text())


def compare(name, found, rename, single=True, waits=False):
    wrong = []
    for metric, values in expected.items():
        have = found(rename(metric))
        steps = [step for step, _ in have]
        # What waited to be sent when the process was killed, and isn't taken again, went with it.
        gone = {step for step in values if waits and KILLED_AT <= step < again} - set(steps)
        if set(steps) | gone != set(values) or (single and len(set(steps)) != len(steps)):
            wrong.append(f"{metric} at steps {steps}")
        elif any(not math.isclose(value, values[step], rel_tol=1e-6, abs_tol=1e-12) for step, value in have):
            wrong.append(f"{metric} {have} instead of {values}")
    check(f"{name} has every value of metrics.jsonl", not wrong, "; ".join(wrong[:3]) or f"{sum(map(len, expected.values()))} values")


train_name = lambda metric: metric if metric.startswith("eval/") else f"train/{metric}"

# --- TensorBoard

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

board = EventAccumulator(str(folder / "runs"), size_guidance={"scalars": 0, "tensors": 0})
board.Reload()
compare(f"TensorBoard {version('tensorboard')}", lambda name: [(e.step, e.value) for e in board.Scalars(name)], train_name)
args = board.Tensors("args/text_summary")[0].tensor_proto.string_val[0].decode()
check("TensorBoard has the options as text", '"num_generations": 16' in args)

# --- MLflow

import mlflow

client = mlflow.MlflowClient(mlflow_url)
run = client.get_run(ids["mlflow"]["run_id"])
metric_history = lambda name: [(m.step, m.value) for m in client.get_metric_history(run.info.run_id, name)]
compare(f"MLflow {version('mlflow')}", metric_history, lambda metric: re.sub("^eval/", "eval_", metric), single=False, waits=True)
check("MLflow has one run, finished, by its name", (run.info.run_name, run.info.status) == ("checked", "FINISHED")
      and len(client.search_runs([run.info.experiment_id])) == 1)
check("MLflow has the options as parameters", run.data.params["num_generations"] == "16", f"{len(run.data.params)} parameters")

# --- trackio


def trackio(name, **body):
    request = urllib.request.Request(f"{trackio_url}/api/{name}", json.dumps(body).encode(), {"content-type": "application/json"})
    return json.loads(urllib.request.urlopen(request).read())["data"]


logs = trackio("get_logs", project="checks", run="checked")
compare(f"trackio {version('trackio')}", lambda name: sorted((log["step"], log[name]) for log in logs if name in log), train_name, waits=True)
runs = trackio("get_runs_for_project", project="checks")
check("trackio has one run", [(r["name"], r["id"]) for r in runs] == [("checked", ids["trackio"]["run_id"])])

# --- W&B

history, upserts = {}, []


class Server(BaseHTTPRequestHandler):
    """What `wandb sync` asks of W&B's server, and no more."""

    def answer(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if self.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        said = {}
        if self.path == "/graphql":
            asked = json.loads(body)
            values = asked.get("variables") or {}
            if asked.get("operationName") == "UpsertBucket":
                upserts.append(values)
                project = {"id": "p", "name": values.get("project"), "entity": {"id": "e", "name": "me"}}
                bucket = {"id": "b", "name": values["name"], "displayName": values.get("displayName"), "description": "",
                          "config": "{}", "sweepName": None, "historyLineCount": 0, "project": project}
                said = {"upsertBucket": {"bucket": bucket, "inserted": True}}
            elif asked.get("operationName") == "CreateRunFiles":
                files = [{"name": name, "uploadUrl": f"http://{self.headers['host']}/upload"} for name in values["files"]]
                said = {"createRunFiles": {"runID": "b", "uploadHeaders": [], "files": files}}
            elif asked.get("operationName") == "RunResumeStatus" and history:
                tail = json.dumps([json.dumps(history[max(history)])])
                bucket = {"id": "b", "name": values["name"], "displayName": "checked", "historyLineCount": max(history) + 1,
                          "logLineCount": 0, "eventsLineCount": 0, "historyTail": tail, "eventsTail": "[]", "config": "{}",
                          "summaryMetrics": "{}", "tags": [], "notes": "", "wandbConfig": json.dumps({"t": {}})}
                said = {"model": {"id": "p", "name": "checks", "entity": {"id": "e", "name": "me"}, "bucket": bucket}}
            else:
                said = {"viewer": {"id": "u", "entity": "me", "username": "me", "flags": "{}", "teams": {"edges": []}},
                        "serverInfo": {"features": []}, "model": None, "project": None}
            said = {"data": said}
        elif self.path.endswith("/file_stream"):
            for name, chunk in (json.loads(body).get("files") or {}).items():
                if name == "wandb-history.jsonl":
                    # A line has its place in the file: what comes at a place that is taken replaces it.
                    history.update(enumerate(map(json.loads, chunk["content"]), chunk["offset"]))
        out = json.dumps(said).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(out)))
        self.end_headers()
        self.wfile.write(out)

    do_GET = do_POST = do_PUT = answer
    log_message = lambda *_: None


server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
threading.Thread(target=server.serve_forever, daemon=True).start()
sync = subprocess.run(
    [BIN / "wandb", "sync", *sorted((folder / "wandb").iterdir())], cwd=work, capture_output=True, text=True, timeout=120,
    env={**environment, "WANDB_BASE_URL": f"http://127.0.0.1:{server.server_port}", "WANDB_API_KEY": "a" * 40},
)
said = sync.stdout + sync.stderr
sittings = len(list((folder / "wandb").iterdir()))
check(f"wandb {version('wandb')} sync takes both sittings", sync.returncode == 0 and said.count("Finished syncing") == sittings == 2, said if sync.returncode else "")
lines = [line for _, line in sorted(history.items())]
# W&B counts lines in `_step` and only upwards; what it draws over is `train/global_step`.
compare("W&B", lambda name: sorted((line["train/global_step"], line[name]) for line in lines if name in line), train_name, single=False)
check("W&B has one run by its id, and its name", {u["name"] for u in upserts} == {ids["wandb"]["run_id"]} and "checked" in {u["displayName"] for u in upserts})
config = json.loads(next(u["config"] for u in upserts if u.get("config")))
check("W&B has the options as configuration", config["num_generations"] == {"value": 16}, f"{len(config)} options")

for child in children:
    child.terminate()
print(f"\n{len(failed)} failed; everything is in {work}" if failed else "\nall of it is as it should be")
sys.exit(bool(failed))
