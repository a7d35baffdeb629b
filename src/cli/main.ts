#!/usr/bin/env node
import { logVerbosity, setLogVerbosity } from "@grpc/grpc-js";
import { limits } from "../base/limits.js";
import { reportFailure } from "./exit.js";
import { runCommand } from "./program.js";
import { processTerminal } from "./terminal.js";

// What fails is told as an error with a code; the library's own log would say it twice.
setLogVerbosity(logVerbosity.NONE);
const terminal = processTerminal(process);
// Node.js would end with 1, which here is an answer: denied.
process.on("uncaughtException", (error) => process.exit(reportFailure(error, terminal, false)));
process.exitCode = await runCommand(process.argv.slice(2), terminal);
// What is left behind, such as a connection whose client takes nothing, does not keep the process.
setTimeout(() => process.exit(), limits.shutdownForcedMs).unref();
