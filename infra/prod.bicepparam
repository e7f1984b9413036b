using 'main.bicep'

param environmentName = readEnvironmentVariable('AZURE_ENV_NAME', 'prod')
param corpId = readEnvironmentVariable('WECOM_CORP_ID')
param alertEmail = readEnvironmentVariable('ALERT_EMAIL')
param storageSku = 'Standard_ZRS'
param alwaysReadyInstances = 1
param logRetentionDays = 90
