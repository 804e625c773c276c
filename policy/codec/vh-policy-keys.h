/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Every key of the policy file as data: where it stands, what it takes, where it goes, what it
 * means. Parser, formatter and documentation all go by these tables, so that none of them can know
 * a key that the others do not. Private to the codec and its tests.
 */
#pragma once

#include "vh-config.h"

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

typedef enum {
    VH_KEY_BOOL,       /* true or false; gboolean */
    VH_KEY_COUNT,      /* a whole number; guint */
    VH_KEY_SIZE,       /* "512MiB"; guint64 bytes */
    VH_KEY_DURATION,   /* "30s"; gint64 microseconds */
    VH_KEY_SHARE,      /* "25%"; guint basis points */
    VH_KEY_AMOUNT,     /* "25%" or "512MiB"; VhAmount */
    VH_KEY_RATE,       /* "1MiB/s"; guint64 bytes per second */
    VH_KEY_PATH,       /* of a control group; char *, owned by VhConfig */
    VH_KEY_WORD,       /* one of `words`; an int-sized enum or gboolean */
    VH_KEY_VERSION,    /* the version of the format; checked before all else */
    VH_KEY_SECTION,    /* an object with the keys of `section` */
    VH_KEY_CLASSES,    /* an object of objects, by class name, with the keys of `section` */
    VH_KEY_MATCHES,    /* an array of objects with the keys of `section`, into VhMatch */
    VH_KEY_CLASS,      /* the name of a class; guint, once all files are read */
    VH_KEY_GLOB,       /* a pattern for names; VhMatch */
    VH_KEY_UUID,       /* a UUID; VhMatch */
    VH_KEY_XPATH,      /* an XPath expression; VhMatch */
    VH_KEY_FACTS,      /* an array of facts; guint, which may be empty; without a place: VhMatch */
    VH_KEY_NAMESPACES, /* an object of URIs, by prefix; VhConfig.namespaces */
    VH_KEY_SCHEDULES,  /* an array of objects with the keys of `section`, into VhSchedule */
    VH_KEY_WHEN,       /* days and hours; VhSchedule */
    VH_KEY_SET,        /* an object with keys of a class (`section`); VhSchedule */
    VH_KEY_ALLOW,      /* an array of override keys; VhConfig.override_keys */
    VH_KEY_FORBID,     /* an array of class names; VhConfig.override_forbidden */
    VH_KEY_KINDS,
} VhKeyKind;

/* One word of a VH_KEY_WORD. */
typedef struct {
    const char *word; /* NULL ends the list */
    int value;
} VhKeyWord;

typedef struct VhPolicySection VhPolicySection;

#define VH_KEY_NOWHERE G_MAXSIZE

typedef struct {
    const char *name;
    VhKeyKind kind;
    gsize offset; /* in the section's struct; VH_KEY_NOWHERE: the value has one meaning only */
    /* In the kind's unit. Of an AMOUNT they bound the size; its share may be anything to 100 %. */
    guint64 minimum;
    guint64 maximum;
    guint64 step;          /* values are multiples of it; 0: any */
    gboolean is_power;     /* values are powers of two */
    gboolean zero_is_none; /* 0 is allowed below the minimum, and turns the thing off */
    gboolean takes_number; /* of a SHARE: a whole number without quotes is percent, too */
    guint flag;            /* of a class's key: its VhClassKey */
    const VhKeyWord *words;
    const VhPolicySection *section;
    const char *doc; /* one sentence, for the documentation */
} VhPolicyKey;

struct VhPolicySection {
    const VhPolicyKey *keys;
    guint n_keys;
};

/* The whole file, into VhConfig. */
extern const VhPolicySection vh_policy_top;

/* NULL where the section has no such key. */
const VhPolicyKey *vh_policy_section_find(const VhPolicySection *section, const char *name);

/* The key of a section that a wrong name most likely stands for; NULL where none comes near. */
const char *vh_policy_section_nearest(const VhPolicySection *section, const char *name);

/* The names of all keys of the section, "a, b or c". Free with g_free(). */
char *vh_policy_section_names(const VhPolicySection *section);

/* The days and hours of a schedule, "Mon..Fri 08:00-18:00"; VH_ERROR_INVALID with what would be
 * right. And the reverse, exact; free with g_free(). */
gboolean vh_policy_when_parse(const char *text, VhSchedule *schedule,
                              GError **error) G_GNUC_WARN_UNUSED_RESULT;
char *vh_policy_when_format(const VhSchedule *schedule);

/*
 * The entries of the man page, in reStructuredText with one blank for any white space: one for each
 * key, with type, range and default as the parser knows them, then one for each class key with its
 * value in each built-in class. NULL-terminated; free with g_strfreev().
 */
char **vh_policy_document(void);

G_END_DECLS
