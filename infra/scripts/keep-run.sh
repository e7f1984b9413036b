#!/usr/bin/env bash
# Keeps the run that this is a step of, with its package, for a year: what a later release is rolled back to. Needs
# SYSTEM_ACCESSTOKEN, and what Azure Pipelines sets by itself.
set -euo pipefail

curl --fail --silent --show-error --output /dev/null --header @- --header 'Content-Type: application/json' \
  --data '[{"daysValid":365,"definitionId":'"$SYSTEM_DEFINITIONID"',"ownerId":"wecomfunc","protectPipeline":false,"runId":'"$BUILD_BUILDID"'}]' \
  "$SYSTEM_COLLECTIONURI$SYSTEM_TEAMPROJECTID/_apis/build/retention/leases?api-version=7.1" <<<"Authorization: Bearer $SYSTEM_ACCESSTOKEN"
echo "Run $BUILD_BUILDID is kept for a year."
