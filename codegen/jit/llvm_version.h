/* What differs between LLVM 18 and 22, and nothing else. */
#ifndef QUERN_JIT_LLVM_VERSION_H
#define QUERN_JIT_LLVM_VERSION_H

#include <llvm-c/Analysis.h>
#include <llvm-c/Core.h>
#include <llvm-c/Error.h>
#include <llvm-c/Target.h>
#include <llvm-c/TargetMachine.h>
#include <llvm-c/Transforms/PassBuilder.h>
#include <llvm/Config/llvm-config.h>

#if LLVM_VERSION_MAJOR < 18 || LLVM_VERSION_MAJOR > 22
#error "LLVM 18 to 22 are supported"
#endif

#endif
