"""Who does the units of work: a Dask cluster, embedded or somewhere else.

Units travel as text and bytes and results come back as JSON text: the client is set to
unpickle nothing that a worker returns.
"""

import json
import logging
from contextlib import ExitStack

from course.batch import remote
from course.cli import UsageError, needs

RETRIES = 3  # workers that may be lost over one unit
CONNECT = "10s"


class Dask:
    """Judge on the workers of a Dask cluster.

    Args:
        options: of the command line; without a scheduler a cluster of this machine's
            own is made.
        environment: hash of the caller's course, which workers must have too.
    """

    def __init__(self, options, environment):
        needs("distributed")
        self.address, self.jobs = options.scheduler, options.jobs
        self.given = {
            "environment": environment,
            "isolation": options.isolation,
            "allow_unsafe": options.allow_unsafe,
        }

    def __enter__(self):
        import dask
        from distributed import Client

        self.stack = ExitStack()
        settings = {
            "distributed.scheduler.allowed-failures": RETRIES,
            "logging": {"distributed": "critical"},
        }
        logging.getLogger("distributed").setLevel(logging.CRITICAL)
        self.stack.enter_context(dask.config.set(settings))
        plain = {"deserializers": ["msgpack"], "timeout": CONNECT}
        try:
            where = self.address or self.stack.enter_context(self.own())
            self.client = self.stack.enter_context(Client(where, **plain))
        except (OSError, TimeoutError, ValueError) as e:
            self.stack.close()
            raise UsageError(
                f"there is no Dask scheduler at {self.address}: {e or 'no answer'}"
            ) from None
        if not self.client.scheduler_info()["workers"]:
            self.stack.close()
            raise UsageError(f"the scheduler at {self.address} has no workers yet")
        return self

    def own(self):
        from distributed import LocalCluster

        return LocalCluster(
            n_workers=self.jobs,
            threads_per_worker=1,
            memory_limit=0,
            dashboard_address=None,
        )

    def __exit__(self, *error):
        self.stack.close()

    def results(self, jobs):
        """Yield (index, result) of jobs as they are done."""
        from distributed import as_completed

        futures = {self.submit(job): index for index, job in enumerate(jobs)}
        for done in as_completed(list(futures)):
            yield futures.pop(done), self.result(done)

    def submit(self, job):
        what = {"exercise": job.exercise, "shown": job.shown, "seed": job.seed}
        what |= self.given
        hidden = job.hidden.read_bytes() if job.hidden else b""
        content = job.path.read_bytes()
        return self.client.submit(
            remote.work, json.dumps(what), content, hidden, pure=False
        )

    def result(self, future):
        """Return the result of a future; a fault if no worker lived to its end."""
        if future.status != "finished":
            return {"fault": f"no worker could do it ({future.status})"}
        try:
            result = json.loads(future.result())
        except (TypeError, ValueError) as e:
            result = {"fault": f"a worker sent no result: {e}"}
        future.release()
        return result

    def alone(self, job):
        """Return the result of a job: by now the cluster does nothing else of ours."""
        from distributed import wait

        future = self.submit(job)
        wait(future)
        return self.result(future)
