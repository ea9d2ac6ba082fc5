from unweave.request import Execution

CPU = Execution(device="cpu")
