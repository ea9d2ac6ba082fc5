#!/usr/bin/env bash
# Build build/unweave_VERSION_ARCH.deb: unweave with its libraries, the studio's page and the weights
# of the default model, so that nothing is fetched after it is installed. An entry of the menu opens
# the studio.
#
#     make studio                # builds the page; Ctrl-C when it is open
#     scripts/deb.sh [WHEEL]     # of a wheel of unweave with the page, or of this folder
#
# PYTHON: the Debian Python that it is for, 3.11 or newer; the package depends on just that version.
# INSTALL: what installs, "PYTHON -m pip install". With "uv pip install --torch-backend cpu" PyTorch
# is the build for processors alone, which is smaller by gigabytes.
set -euo pipefail
cd "$(dirname "$0")/.."
PYTHON=${PYTHON:-/usr/bin/python3.11}
INSTALL=${INSTALL:-"$PYTHON -m pip install"}
from=${1:-.}
[ "$from" != . ] || [ -f src/unweave/server/page/index.html ] || {
  echo 'the page is not built: make studio' >&2; exit 1; }

name=$(basename "$PYTHON")
version=$(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
weights=$("$PYTHON" scripts/default_weights.py)
root=build/deb
rm -rf "$root"
mkdir -p "$root"/{DEBIAN,usr/bin,usr/lib,usr/share/{applications,doc/unweave,icons/hicolor/scalable/apps}}
$INSTALL --quiet --target "$root/usr/lib/unweave" -c constraints.txt "$from[serve,karaoke,analyze]" pip
$INSTALL --quiet --target "$root/usr/lib/unweave" --no-deps $weights
rm -rf "$root"/usr/lib/unweave/{bin,torch/include,torch/test}
find "$root/usr/lib" -name __pycache__ -prune -exec rm -rf {} +

# No folder but this one is searched: not the user's own packages, not the current folder.
cat > "$root/usr/bin/unweave" <<END
#!/bin/sh
export PYTHONPATH=/usr/lib/unweave PYTHONNOUSERSITE=1 PYTHONSAFEPATH=1
exec $PYTHON -m unweave "\$@"
END
chmod 755 "$root/usr/bin/unweave"
cat > "$root/usr/share/applications/unweave.desktop" <<END
[Desktop Entry]
Type=Application
Name=unweave studio
Comment=Separate songs into stems, listen, mix
Exec=unweave studio
# The window says where the studio is. Closing it ends the studio.
Terminal=true
Icon=unweave
Categories=AudioVideo;Audio;
END
cp studio/public/mark.svg "$root/usr/share/icons/hicolor/scalable/apps/unweave.svg"
cat LICENSE docs/licences.md > "$root/usr/share/doc/unweave/copyright"
cat > "$root/DEBIAN/control" <<END
Package: unweave
Version: $version
Architecture: $(dpkg --print-architecture)
Maintainer: unweave contributors <unweave@localhost>
Installed-Size: $(du -sk "$root/usr" | cut -f1)
Depends: $name
Section: sound
Priority: optional
Description: takes a finished recording apart into the tracks it was mixed from
 The studio is a web page of this machine: drop songs, listen, mix, export.
 The command is called unweave.
END
file="unweave_${version}_$(dpkg --print-architecture).deb"
dpkg-deb --root-owner-group -Zzstd --build "$root" "build/$file" >&2
echo '| package | MB | installed, MB |'
echo '|---|---|---|'
echo "| $file | $(($(stat -c %s "build/$file") / 1000000)) | $(($(du -sb "$root" | cut -f1) / 1000000)) |"
