"""Times one round of Flower's SecAgg+ (PyPI `flwr` 1.41.0, Python 3.11): its workflow and its client code, in one process.

Usage: flower_secagg.py [N,D,DROPPED ...]     default: 10,100000,0 10,1000000,0 100,100000,0 10,1000000,2
Prints a line of JSON for each case: processor time of a client (mean over clients, by stage) and of the server, bytes that
a client sends, and the largest error of the mean that comes out. The graph is complete and the threshold floor(2N/3) + 1;
everything else is at its default. Clients drop out after their shares were forwarded, without an answer.

Messages are handed over as objects, and copied outside of the measured time: no transport and no serialization is timed
but that of arrays, which is part of the protocol. Training is not timed: the update is there when it is asked for. The
server's time is that of the whole workflow without clients, with the strategy's average of the opened sum apart.
Run it on one processor: `taskset -c 1 python flower_secagg.py`.
"""

import copy
import json
import logging
import sys
import time
from collections import defaultdict

import numpy
from flwr.app import ConfigRecord, Context, Message, RecordDict
from flwr.client.mod import secaggplus_mod
from flwr.common import Code, FitRes, Status, ndarrays_to_parameters, parameters_to_ndarrays
from flwr.common.secure_aggregation.secaggplus_constants import RECORD_KEY_CONFIGS, Key, Stage
from flwr.compat.common import recorddict_compat
from flwr.server import LegacyContext, SimpleClientManager
from flwr.server.compat.grid_client_proxy import GridClientProxy
from flwr.server.strategy import FedAvg
from flwr.server.workflow import SecAggPlusWorkflow
from flwr.server.workflow.constant import MAIN_CONFIGS_RECORD, MAIN_PARAMS_RECORD
from flwr.server.workflow.constant import Key as WorkflowKey
from flwr.serverapp import Grid
from flwr.supercore.task_identity import TaskIdentity

CASES = ["10,100000,0", "10,1000000,0", "100,100000,0", "10,1000000,2"]


def bytes_of(value):
    """Counts the bytes of a value of a record, without keys and framing; an integer has eight."""
    if isinstance(value, (list, tuple)):
        return sum(map(bytes_of, value))
    return len(value) if isinstance(value, (bytes, str)) else 8


class Clients(Grid):
    """All clients, called one after the other where the server sends messages."""

    def __init__(self, updates, dropped):
        self.updates, self.dropped = updates, dropped
        self.contexts = {node: context() for node in updates}
        self.seconds, self.sent, self.outside = defaultdict(float), defaultdict(int), 0.0

    def set_run(self, run):
        raise NotImplementedError

    @property
    def run(self):
        raise NotImplementedError

    def create_message(self, *args, **kwargs):
        raise NotImplementedError

    def push_messages(self, messages):
        raise NotImplementedError

    def pull_messages(self, message_ids):
        raise NotImplementedError

    def get_node_ids(self):
        return list(self.updates)

    def send_and_receive(self, messages, *, timeout=None):
        start = time.process_time()
        answers = [self.answer(message) for message in messages]
        self.outside += time.process_time() - start
        return [answer for answer in answers if answer is not None]

    def answer(self, message):
        message = copy.deepcopy(message)
        node = message.metadata.dst_node_id
        stage = message.content.config_records[RECORD_KEY_CONFIGS][Key.STAGE]
        if stage == Stage.COLLECT_MASKED_VECTORS and node in self.dropped:
            return None
        trained = RecordDict()
        if stage == Stage.COLLECT_MASKED_VECTORS:
            trained = recorddict_compat.fitres_to_recorddict(self.updates[node], keep_input=True)
        start = time.process_time()
        answer = secaggplus_mod(message, self.contexts[node], lambda msg, _: Message(trained, reply_to=msg))
        self.seconds[stage] += time.process_time() - start
        self.sent[node] += bytes_of(list(answer.content.config_records[RECORD_KEY_CONFIGS].values()))
        return answer


class Timed(FedAvg):
    """The usual strategy, with the time it takes."""

    seconds = 0.0

    def aggregate_fit(self, *args):
        start = time.process_time()
        result = super().aggregate_fit(*args)
        self.seconds += time.process_time() - start
        return result


def context():
    return Context(run_id=1, node_id=0, node_config={}, state=RecordDict(), run_config={})


def server_context(clients, length):
    count = len(clients.updates)
    strategy = Timed(fraction_fit=1.0, min_fit_clients=count, min_available_clients=count)
    manager = SimpleClientManager()
    for node in clients.updates:
        manager.register(GridClientProxy(node, clients, 1))
    server = LegacyContext(context(), strategy=strategy, client_manager=manager)
    server.state.config_records[MAIN_CONFIGS_RECORD] = ConfigRecord({WorkflowKey.CURRENT_ROUND: 1})
    start = ndarrays_to_parameters([numpy.zeros(length, dtype=numpy.float32)])
    server.state.array_records[MAIN_PARAMS_RECORD] = recorddict_compat.parameters_to_arrayrecord(start, True)
    return server


def run(count, length, dropped):
    random = numpy.random.default_rng(1)
    vectors = {node: random.uniform(-1, 1, length).astype(numpy.float32) for node in range(1, count + 1)}
    status = Status(code=Code.OK, message="")
    updates = {
        node: FitRes(status, ndarrays_to_parameters([vector]), 1000, {}) for node, vector in vectors.items()
    }
    clients = Clients(updates, set(range(1, dropped + 1)))
    server = server_context(clients, length)
    workflow = SecAggPlusWorkflow(num_shares=count, reconstruction_threshold=2 * count // 3 + 1)
    start = time.process_time()
    workflow(clients, server)
    whole = time.process_time() - start
    record = server.state.array_records[MAIN_PARAMS_RECORD]
    [found] = parameters_to_ndarrays(recorddict_compat.arrayrecord_to_parameters(record, keep_input=True))
    mean = numpy.mean([vector for node, vector in vectors.items() if node not in clients.dropped], axis=0)
    error = float(numpy.max(numpy.abs(found - mean)))
    assert error < 1e-3, f"the mean is wrong by {error}"
    stages = {stage: seconds / answering(count, dropped, stage) for stage, seconds in clients.seconds.items()}
    return {
        "n": count,
        "d": length,
        "dropped": dropped,
        "client_ms": round(1000 * sum(stages.values()), 1),
        "client_ms_by_stage": {stage: round(1000 * seconds, 1) for stage, seconds in stages.items()},
        "server_ms": round(1000 * (whole - clients.outside - server.strategy.seconds), 1),
        "strategy_ms": round(1000 * server.strategy.seconds, 1),
        "bytes_up_per_client": round(numpy.mean([clients.sent[node] for node in updates if node not in clients.dropped])),
        "largest_error": error,
    }


def answering(count, dropped, stage):
    """Returns how many clients answer in a stage."""
    return count - dropped if stage in (Stage.COLLECT_MASKED_VECTORS, Stage.UNMASK) else count


def main():
    logging.getLogger("flwr").setLevel(logging.ERROR)
    TaskIdentity.task_id, TaskIdentity.run_id, TaskIdentity.node_id = 1, 1, 1
    for case in sys.argv[1:] or CASES:
        print(json.dumps(run(*map(int, case.split(",")))), flush=True)


if __name__ == "__main__":
    main()
