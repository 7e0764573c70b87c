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

#ifdef __cplusplus
#define HPO_BEGIN_DECLS extern "C" {
#define HPO_END_DECLS }
#else
#define HPO_BEGIN_DECLS
#define HPO_END_DECLS
#endif

#endif
