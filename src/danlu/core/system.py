"""What the operating system says of its refusals, as sentences that other languages can tell."""

import errno

from danlu.core.sentence import say

WORDS = {
    errno.ENOENT: say("No such file or directory"),
    errno.EACCES: say("permission denied"),
    errno.EPERM: say("the operation is not permitted"),
    errno.EEXIST: say("it is there already"),
    errno.ENOTDIR: say("a part of the path is no folder"),
    errno.EISDIR: say("it is a folder"),
    errno.EROFS: say("the file system is for reading only"),
    errno.ENOSPC: say("no space is left"),
    errno.EDQUOT: say("the quota is used up"),
    errno.ENAMETOOLONG: say("the name is too long"),
    errno.EADDRINUSE: say("the address is taken"),
    errno.EADDRNOTAVAIL: say("this machine has no such address"),
}


def reason_of(error: OSError) -> str:
    """Why the system refused: a sentence for what is common, else its own words."""
    return WORDS.get(error.errno or 0) or error.strerror or str(error)
