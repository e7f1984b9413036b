using '../../infra/main.bicep'

// What is off by default, so that the snapshot has it too.
param environmentName = 'options'
param corpId = readEnvironmentVariable('WECOM_CORP_ID')
param alertEmail = readEnvironmentVariable('ALERT_EMAIL')
param privateEndpoints = true
param customDomain = 'login.example.com'
