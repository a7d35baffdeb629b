#!/usr/bin/env node
import { logVerbosity, setLogVerbosity } from "@grpc/grpc-js";
import { runCommand } from "./program.js";
import { processTerminal } from "./terminal.js";

// What fails is told as an error with a code; the library's own log would say it twice.
setLogVerbosity(logVerbosity.NONE);
process.exitCode = await runCommand(process.argv.slice(2), processTerminal(process));
