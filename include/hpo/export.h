/* SPDX-License-Identifier: Apache-2.0 */
/* hpo/export.h - the version, and the only place where compiler extensions are used.
 *
 * Every public header includes this one.  It compiles as C11, C17 and C++17. */
#ifndef HPO_EXPORT_H
#define HPO_EXPORT_H

/* The version is written here and nowhere else; meson.build reads it from these lines. */
#define HPO_VERSION_MAJOR 0
#define HPO_VERSION_MINOR 1
#define HPO_VERSION_PATCH 0
#define HPO_VERSION "0.1.0"

#if defined(__GNUC__) || defined(__clang__)
#define HPO_API __attribute__((visibility("default")))
#define HPO_NODISCARD __attribute__((warn_unused_result))
#define HPO_PRINTF(format_index, first_arg) __attribute__((format(printf, format_index, first_arg)))
#define HPO_LIKELY(x) __builtin_expect(!!(x), 1)
#define HPO_UNLIKELY(x) __builtin_expect(!!(x), 0)
#define HPO_PREFETCH_WRITE(p) __builtin_prefetch(p, 1) /* the cache line at p is written soon */
#else
#define HPO_API
#define HPO_NODISCARD
#define HPO_PRINTF(format_index, first_arg)
#define HPO_LIKELY(x) (x)
#define HPO_UNLIKELY(x) (x)
#define HPO_PREFETCH_WRITE(p) ((void)(p))
#endif

/* Loops over the lanes of a vector, and functions made of them (src/math): gcc compiles a function marked
 * HPO_DISPATCH three times and the loader picks the one for this CPU.  Static functions only: gcc 12 exports
 * others from a shared library whatever their visibility.  Not under sanitisers, whose runtime is not up when
 * the loader asks, and only where the loader can (ELF with glibc). */
#if defined(__has_include)
#if __has_include(<features.h>)
#include <features.h> /* __GLIBC__ */
#endif
#endif
#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && defined(__ELF__) &&                   \
    defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define HPO_DISPATCH __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define HPO_DISPATCH
#endif
#if defined(__GNUC__) || defined(__clang__)
#define HPO_INLINE static inline __attribute__((always_inline)) /* also into the clones of HPO_DISPATCH */
#else
#define HPO_INLINE static inline
#endif
#if defined(__GNUC__) && !defined(__clang__)
#define HPO_KEEP_LOOP _Pragma("GCC unroll 1") /* in front of a loop: vectorise it, do not unroll it first */
#else
#define HPO_KEEP_LOOP
#endif

#ifdef __cplusplus
#define HPO_BEGIN_DECLS extern "C" {
#define HPO_END_DECLS }
#else
#define HPO_BEGIN_DECLS
#define HPO_END_DECLS
#endif

#endif
