"""Location of the code of the stages: near this file, in the git repository of this file, or installed."""

import io
import os
import shutil
import sys
import tarfile
import tempfile


def project_folder():
    """Folder of the project that this file belongs to.

    Snakemake reads single files from a git repository and does not check it out. The files of the commit are
    therefore put into .snakemake/softaer, once. Jobs on other machines read this file too, and do the same.
    """
    here = workflow.current_basedir.join("../..")
    if hasattr(here, "hosted_repo"):  # github(...), gitlab(...)
        here.cache_path = workflow.sourcecache.cache_path
        here.fetch_if_required()
        repository = here.hosted_repo.repo
    elif hasattr(here, "repo_path"):  # gitfile(...)
        import git

        repository = git.Repo(here.repo_path)
    else:
        return os.path.normpath(here.get_path_or_uri(secret_free=True))
    commit = repository.commit(here.ref).hexsha
    folder = os.path.abspath(f".snakemake/softaer/{commit}")
    if not os.path.isdir(folder):
        os.makedirs(os.path.dirname(folder), exist_ok=True)
        new = tempfile.mkdtemp(dir=os.path.dirname(folder))
        data = io.BytesIO()
        parts = ["config.yaml", "workflow", "envs"]
        repository.archive(data, treeish=commit, format="tar", path=parts)
        data.seek(0)
        with tarfile.open(fileobj=data) as archive:
            archive.extractall(new, filter="data")
        try:
            os.rename(new, folder)
        except OSError:  # another process was faster
            shutil.rmtree(new)
    return folder


PROJECT = project_folder()
# An installed project is inside the package and needs no path.
PACKAGES = f"{PROJECT}/workflow" if os.path.isdir(f"{PROJECT}/workflow/softaer") else None
if PACKAGES is not None:
    sys.path.insert(0, PACKAGES)
