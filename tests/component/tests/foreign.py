"""The component in a host that is not ours: wasmtime for Python, with its own WASI.

Arguments: the component. Standard input: JSON lines, a configuration (`{"configuration": text}`) or the calls of one
exchange (`{"calls": [[name, argument, ...], ...]}`, bytes as base64). Standard output: for each exchange its account as
JSON; for a configuration `null`, or the error that refuses it.
"""

import base64
import json
import sys

from wasmtime import Engine, Store, WasiConfig
from wasmtime.component import Component, Linker

INTERFACE = "genops:meter/metering@0.1.0"


class Meter:
    def __init__(self, path):
        engine = Engine()
        self.component = Component.from_file(engine, path)
        self.store = Store(engine)
        self.store.set_wasi(WasiConfig())
        linker = Linker(engine)
        linker.add_wasip2()
        self.instance = linker.instantiate(self.store, self.component)
        self.interface = self.instance.get_export_index(self.store, INTERFACE)
        self.functions = {}

    def call(self, name, *arguments):
        function = self.functions.get(name)
        if function is None:
            index = self.instance.get_export_index(self.store, name, self.interface)
            function = self.functions[name] = self.instance.get_func(self.store, index)
        result = function(self.store, *arguments)
        function.post_return(self.store)
        return result

    def open(self, configuration):
        opened = self.call("[static]meter.open", configuration)
        if isinstance(opened, str):
            return opened
        self.meter = opened

    def exchange(self, calls):
        exchange = None
        for name, *arguments in calls:
            if name == "begin":
                head, at = arguments
                exchange = self.call("[method]meter.begin", self.meter, headers(head), at)
            elif name == "finish":
                account = self.call("[method]exchange.finish", exchange, *arguments)
                # Asked again it answers the same.
                assert vars(account) == vars(self.call("[method]exchange.finish", exchange, *arguments))
            else:
                if name.endswith("-head"):
                    arguments[0] = headers(arguments[0])
                elif name.endswith("-body"):
                    arguments[0] = base64.b64decode(arguments[0])
                self.call("[method]exchange." + name, exchange, *arguments)
        exchange.drop(self.store)
        return vars(account)


def headers(pairs):
    return [(name, base64.b64decode(value)) for name, value in pairs]


meter = Meter(sys.argv[1])
for line in sys.stdin:
    work = json.loads(line)
    done = meter.open(work["configuration"]) if "configuration" in work else meter.exchange(work["calls"])
    print(json.dumps(done), flush=True)
