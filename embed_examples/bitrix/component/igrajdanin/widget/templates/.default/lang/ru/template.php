<?php
$MESS['IGRAJDANIN_REPORT'] = 'Сообщить о проблеме';
